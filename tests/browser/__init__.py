"""A package, because what its tests share ends with them: a browser, whose event loop others could not run beside."""
