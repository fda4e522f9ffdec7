"""Write files completely or not at all, lock folders, and download within limits."""
