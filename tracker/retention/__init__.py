"""How long what was recorded stays: months of opens that are made ahead, thinned out, removed."""
