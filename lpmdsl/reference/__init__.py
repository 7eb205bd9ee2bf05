"""The reference: a run worked out from the Model in plain torch, independent of lowering."""
