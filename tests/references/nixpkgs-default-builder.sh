# Stands for stdenv's default builder, by its name.
