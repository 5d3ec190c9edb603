"""The face: the objects that users hold, thin over the pipeline."""
