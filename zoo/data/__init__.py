"""Data sets as arrays: images in [0, 1] and integer labels; the content of files is verified.

Each module adds its data sets to the table `SOURCES`; `load` reads a data set by its name.
"""

from zoo.data import attributes as attributes
from zoo.data import captions as captions
from zoo.data import halves as halves
from zoo.data import in_files as in_files
from zoo.data import newsgroups as newsgroups
from zoo.data import photographs as photographs
from zoo.data import strokes as strokes
from zoo.data import tones as tones
from zoo.data import variants as variants
from zoo.data.captions import Vocabulary as Vocabulary
from zoo.data.defects import DrawnDefects as DrawnDefects
from zoo.data.defects import drawn_defects as drawn_defects
from zoo.data.few_labels import keep_labels as keep_labels
from zoo.data.folders import ImageFolder as ImageFolder
from zoo.data.folders import from_folder as from_folder
from zoo.data.loading import load as load
from zoo.data.masks import masks_from_folder as masks_from_folder
from zoo.data.palettes import palettes as palettes
from zoo.data.photographs import patches as patches
from zoo.data.sequences import padded as padded
from zoo.data.sequences import windows as windows
from zoo.data.silhouettes import gray_levels as gray_levels
from zoo.data.silhouettes import silhouettes as silhouettes
from zoo.data.source import SOURCES as SOURCES
from zoo.data.source import Source as Source
from zoo.data.stored import StoredImages as StoredImages
from zoo.data.tables import Table as Table
from zoo.data.tables import from_table as from_table
from zoo.data.unaligned import unaligned as unaligned
from zoo.data.varied import varied as varied
from zoo.data.word_counts import Texts as Texts
from zoo.data.word_counts import texts as texts
