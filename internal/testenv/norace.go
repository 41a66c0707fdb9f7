//go:build !race

package testenv

// raceEnabled is false in a build without the race detector.
const raceEnabled = false
