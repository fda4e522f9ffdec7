"""Lessons of a course on autoencoders: texts with formulas and code, as pages and notebooks."""

from zoo.lessons.course import COURSE as COURSE
from zoo.lessons.files import Lesson as Lesson
from zoo.lessons.files import get as get
from zoo.lessons.files import names as names
from zoo.lessons.notebooks import notebook as notebook
from zoo.lessons.notebooks import write_notebook as write_notebook
