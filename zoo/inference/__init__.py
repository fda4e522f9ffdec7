"""What is done with a trained model: methods with arrays, and the functions that are exported."""
