"""A model folder in eight-bit integers: static quantisation, and what it gains and loses."""
