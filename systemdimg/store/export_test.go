package store

// Judge is for tests: what it judges cannot be had on the machine that runs them.
var Judge = judge
