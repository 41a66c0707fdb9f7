// Package cmd is the module of the dbtcloud command: the program itself is in the directory dbtcloud.
package cmd
