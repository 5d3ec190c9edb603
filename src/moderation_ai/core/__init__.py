"""The ground: values and rules that everything else stands on; pure, without clock, disk or network."""
