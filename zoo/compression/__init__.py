"""Compression: images to small files with loss, and binary images without loss."""

from zoo.compression.bits_back import BitsBack
from zoo.compression.codec import Codec
from zoo.data.whole_images import read_image, write_image

__all__ = ["BitsBack", "Codec", "read_image", "write_image"]
