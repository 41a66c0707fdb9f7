// Package wire holds the tests of the exact requests on the wire. They use gock,
// which is global: they run one after the other in a process of their own.
package wire
