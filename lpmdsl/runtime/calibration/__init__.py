"""``lpmc calibrate``: which values of the parameters the data speak for."""
