"""Compute in shards, in one process or by Ray; results of whole shards survive a killed process.

`sources` divides the data into shards, `scoring` runs an exported part on one of them, `folder`
keeps the results of each, `engines` computes what is missing, in one process or (`on_ray`) several.
"""
