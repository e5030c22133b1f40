"""The shared nouns: event, code, window, covariate, label. Frozen values, checked when made."""
