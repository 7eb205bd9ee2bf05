"""Check and run a model again on every save, with its report on a page of this computer that renews itself."""
