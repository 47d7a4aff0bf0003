"""Models that need no download: a click segmenter and a tracker that learns from the video."""
