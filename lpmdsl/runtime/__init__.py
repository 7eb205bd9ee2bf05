"""Runs of models: settings, engines, gradients, calibration, behaviours, results and reports."""
