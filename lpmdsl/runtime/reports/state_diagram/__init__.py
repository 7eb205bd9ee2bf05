"""The states of a condition and the ways between them, drawn as SVG in layers from left to right."""

from lpmdsl.runtime.reports.state_diagram.drawing import state_diagram as state_diagram
from lpmdsl.runtime.reports.state_diagram.edges import text_of as text_of
