"""tam-edit: click an object in a video, have it tracked, and blur, remove or cut it out."""

__version__ = "0.1.0"
