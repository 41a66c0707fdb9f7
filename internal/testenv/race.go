//go:build race

package testenv

// raceEnabled keeps counts small: the race detector makes everything several times slower.
const raceEnabled = true
