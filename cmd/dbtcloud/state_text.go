package main

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/slimci/dbtcloud/manifest"
)

// maxCompared is how many lines of a text are compared with as many others, once what is the same in front and behind is
// cut off; longer ones are shown as a whole.
const maxCompared = 1000

// sources are the two manifests that texts are read from.
type sources struct{ old, now *unpacked }

// unpacked is a file that can be read from anywhere.
type unpacked struct {
	*os.File
	temporary bool
}

// Close closes it, and removes it if it was made for reading only.
func (u *unpacked) Close() {
	_ = u.File.Close() // what was read has been read
	if u.temporary {
		_ = os.Remove(u.Name())
	}
}

// openSources opens both manifests; a gzip is unpacked into a temporary file.
func openSources(ctx context.Context, c *compared) (*sources, error) {
	old, err := openUnpacked(ctx, c.oldPath)
	if err != nil {
		return nil, unreadable("--state", c.oldPath, err)
	}
	now, err := openUnpacked(ctx, c.newPath)
	if err != nil {
		old.Close()
		return nil, unreadable("--manifest", c.newPath, err)
	}
	return &sources{old, now}, nil
}

// Close closes both.
func (s *sources) Close() {
	s.old.Close()
	s.now.Close()
}

// openUnpacked opens a file; what is in a gzip is unpacked into a temporary one.
func openUnpacked(ctx context.Context, path string) (*unpacked, error) {
	in, err := openContents(ctx, path)
	if err != nil {
		return nil, err
	}
	if !in.packed {
		return &unpacked{File: in.file}, nil
	}
	defer in.Close()
	file, err := os.CreateTemp("", "dbtcloud-*.json")
	if err != nil {
		return nil, err
	}
	out := &unpacked{file, true}
	if _, err := io.Copy(file, in); err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// diff is how the text of a cause changed, line by line, with so many lines around and at most so many in all.
func (s *sources) diff(cause manifest.Cause, around, most int) (string, error) {
	if cause.OldText.Length == 0 && cause.NewText.Length == 0 {
		return "", nil
	}
	before, err := readText(s.old, cause.OldText)
	if err != nil {
		return "", err
	}
	after, err := readText(s.now, cause.NewText)
	if err != nil {
		return "", err
	}
	return lineDiff(before, after, around, most), nil
}

func readText(r io.ReaderAt, text manifest.Text) (string, error) {
	if text.Length == 0 {
		return "", nil
	}
	return text.Read(r)
}

// edit is a line of a diff: ' ' for one in both texts, '-' for one of the old, '+' for one of the new.
type edit struct {
	sign byte
	line string
}

// lineDiff shows what was taken out of a text and what was put in, with so many lines around, and at most so many lines.
func lineDiff(before, after string, around, most int) string {
	edits := lineEdits(strings.Split(before, "\n"), strings.Split(after, "\n"))
	near := make([]bool, len(edits))
	for i, e := range edits {
		if e.sign != ' ' {
			for j := max(0, i-around); j <= min(len(edits)-1, i+around); j++ {
				near[j] = true
			}
		}
	}
	var out []string
	for i, e := range edits {
		switch {
		case near[i]:
			out = append(out, string(e.sign)+" "+visible(e, edits, i))
		case i == 0 || near[i-1]:
			out = append(out, "  ...")
		}
	}
	if len(out) > most {
		left := len(out) - most
		out = append(out[:most], "  ... and "+counted(left, "more line"))
	}
	return strings.Join(out, "\n")
}

// visible is a line with what cannot be seen of it written out, where that is all that makes it another one.
func visible(e edit, edits []edit, i int) string {
	if e.sign == ' ' {
		return e.line
	}
	bare := strings.Join(strings.Fields(e.line), " ")
	for j := max(0, i-maxApart); j < min(len(edits), i+maxApart+1); j++ {
		other := edits[j]
		if other.sign != ' ' && other.sign != e.sign && strings.Join(strings.Fields(other.line), " ") == bare {
			return strings.NewReplacer("\t", "→", "\r", "␍", " ", "·").Replace(e.line)
		}
	}
	return e.line
}

// maxApart is how far apart two lines are that may be one that changed.
const maxApart = 20

// lineEdits makes one list of lines of another in the fewest steps, as long as they are not too many.
func lineEdits(a, b []string) []edit {
	head, tail := 0, 0
	for head < min(len(a), len(b)) && a[head] == b[head] {
		head++
	}
	for tail < min(len(a), len(b))-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var out []edit
	add := func(sign byte, lines ...string) {
		for _, line := range lines {
			out = append(out, edit{sign, line})
		}
	}
	add(' ', a[:head]...)
	x, y := a[head:len(a)-tail], b[head:len(b)-tail]
	if len(x) > maxCompared || len(y) > maxCompared {
		add('-', x...)
		add('+', y...)
	} else {
		out = append(out, fewestEdits(x, y)...)
	}
	add(' ', a[len(a)-tail:]...)
	return slices.Clip(out)
}

// fewestEdits follows the longest common subsequence.
func fewestEdits(a, b []string) []edit {
	common := make([][]int, len(a)+1) // of a[i:] and b[j:]
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i, left := range slices.Backward(a) {
		for j, right := range slices.Backward(b) {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if left == right {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var out []edit
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, edit{' ', a[i]})
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common[i+1][j] >= common[i][j+1]):
			out = append(out, edit{'-', a[i]})
			i++
		default:
			out = append(out, edit{'+', b[j]})
			j++
		}
	}
	return out
}
