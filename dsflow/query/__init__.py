"""Questions about whole simulations: the paths x families matrix, expectations, differences."""
