"""Drawings as strokes: polylines, stroke-3 and stroke-5 sequences, SVG, and pixels.

A drawing is a list of strokes in the order in which they are drawn. A stroke is the way of the pen
between two lifts: float [points, 2] with x to the right and y downward, as in SVG and in images.

Models learn from sequences of offsets (Ha and Eck 2017, section 3.1). The pen begins on the first
point, which becomes the origin. Each row moves it to the next point:

- stroke-3: (dx, dy, lifted) with lifted = 1 if the pen is lifted after this point;
- stroke-5: (dx, dy, p1, p2, p3), where exactly one p is 1: p1, the pen stays on the paper; p2, it
  is lifted after this point; p3, the drawing has ended before. All rows after the end are
  (0, 0, 0, 0, 1), so that drawings of all lengths fit in one array.
"""

from zoo.data.strokes import data_sets as data_sets
from zoo.data.strokes.drawings import Drawing as Drawing
from zoo.data.strokes.drawings import fitted as fitted
from zoo.data.strokes.drawings import simplified as simplified
from zoo.data.strokes.drawings import to_image as to_image
from zoo.data.strokes.offsets import END as END
from zoo.data.strokes.offsets import from_stroke3 as from_stroke3
from zoo.data.strokes.offsets import from_stroke5 as from_stroke5
from zoo.data.strokes.offsets import stroke3_of as stroke3_of
from zoo.data.strokes.offsets import to_images as to_images
from zoo.data.strokes.offsets import to_stroke3 as to_stroke3
from zoo.data.strokes.offsets import to_stroke5 as to_stroke5
from zoo.data.strokes.skeletons import of_images as of_images
from zoo.data.strokes.svg import read_svg as read_svg
from zoo.data.strokes.svg import to_svg as to_svg
from zoo.data.strokes.svg import write_svg as write_svg
