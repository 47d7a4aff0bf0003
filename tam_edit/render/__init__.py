"""Masks and a recipe in, finished files out, in one pass over the video."""

from tam_edit.render.job import RenderJob, check_tracked, objects_of
from tam_edit.render.plan import RenderPlan, check_recipe
from tam_edit.render.rendering import RenderReport, output_format, render

__all__ = [
    "RenderJob",
    "RenderPlan",
    "RenderReport",
    "check_recipe",
    "check_tracked",
    "objects_of",
    "output_format",
    "render",
]
