"""Speed, measured: ratios within one interleaved run, on the machine that the table names."""
