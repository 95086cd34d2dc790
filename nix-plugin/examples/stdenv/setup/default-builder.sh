# The builder of derivations that do not bring one.
genericBuild
