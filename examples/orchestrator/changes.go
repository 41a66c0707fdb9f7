package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/slimci/dbtcloud"
)

// read sends the changes that come as lines, and closes changes after the last. The later line is the newer commit, also
// across restarts: so says its sequence.
func read(lines io.Reader, changes chan<- change, log *slog.Logger) {
	defer close(changes)
	var sequence int64
	scanner := bufio.NewScanner(lines)
	for scanner.Scan() {
		c, err := parse(scanner.Text())
		if err != nil {
			log.Error("line not understood", "error", err)
			continue
		}
		sequence = max(sequence+1, time.Now().UnixMicro())
		c.Sequence = sequence
		changes <- c
	}
	if err := scanner.Err(); err != nil {
		log.Error("no more changes", "error", err)
	}
}

// parse reads a line such as "shop github#50 0f3c5e9bd0f7a1c3d1f0a5b7c9e1d3f5a7b9c1d3".
func parse(line string) (change, error) {
	words := strings.Fields(line)
	if len(words) != 3 {
		return change{}, fmt.Errorf("%q has %d words: want PROJECT HOST#NUMBER SHA", line, len(words))
	}
	host, number, _ := strings.Cut(words[1], "#")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return change{}, fmt.Errorf("%q names no pull request, such as github#50", words[1])
	}
	pr := dbtcloud.PullRequest{Host: dbtcloud.GitHost(host), Number: n}
	return change{words[0], dbtcloud.Change{PullRequest: pr, SHA: words[2]}}, nil
}
