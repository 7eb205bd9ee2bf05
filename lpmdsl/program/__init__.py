"""The Program IR: buffers, kernels over agents, the schedule of a step; and the passes over it."""
