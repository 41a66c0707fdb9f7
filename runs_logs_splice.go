package dbtcloud

import "strings"

const (
	// logWindow is how many lines of a log the service shows at most.
	logWindow = 1000
	// tailKept is how much is remembered of a log, in bytes.
	tailKept = 256 << 10
	// sureOverlap is how much of a window must have been there before, in bytes, to be
	// no coincidence, such as an empty line would be.
	sureOverlap = 64
)

// mayBeCut tells whether a window may begin after the beginning of its log.
func mayBeCut(window string) bool {
	n := strings.Count(window, "\n")
	return n == logWindow || n == logWindow-1 // with and without an end of the last line
}

// logTail is what is remembered of a log that is seen through a window on its end, which
// moves on as the log grows.
type logTail struct {
	text   string // the end of the last window
	length int    // of the last window
}

// splice takes in a new window and returns what is new in it. Gap means that text may
// be missing before that. Cut says that the window may begin after the beginning of the log.
//
// As windows move on only, what was seen before ends in the new window no later than at
// the length of the last one. Of several such places the latest is taken, so that nothing
// is returned twice; where a log repeats itself word for word, some of it is then not
// returned. A window that is older than the last one has nothing new.
func (t *logTail) splice(window string, cut bool) (fresh string, gap bool) {
	if t.length == 0 {
		t.keep(window)
		return window, cut && window != ""
	}
	if strings.Contains(t.text, window) {
		return "", false
	}
	end, common := t.end(window)
	if back := overlap(window, t.text); back > common && back >= sureOverlap {
		return "", false
	}
	sure := common >= sureOverlap || end == t.length && !cut
	t.keep(window)
	return window[end:], !sure
}

// end is where in the window that ends which was seen before, and how much of it the
// window has in common with what is remembered.
func (t *logTail) end(window string) (end, common int) {
	i := strings.LastIndex(window[:min(t.length, len(window))], t.text)
	if i < 0 {
		i = strings.LastIndex(window, t.text) // the window begins earlier than the last one
	}
	if i >= 0 {
		return i + len(t.text), len(t.text)
	}
	common = overlap(t.text, window)
	return common, common
}

// keep remembers the end of the window.
func (t *logTail) keep(window string) {
	t.length = len(window)
	t.text = strings.Clone(window[max(len(window)-tailKept, 0):])
}

// overlap is the length of the longest end of a with which b begins. It takes linear
// time (Knuth, Morris, Pratt).
func overlap(a, b string) int {
	b = b[:min(len(a), len(b))]
	a = a[len(a)-len(b):]
	shorter := make([]int, len(b)) // by the length of a match, less one: the longest end of it that is a beginning of b too
	for i, n := 1, 0; i < len(b); i++ {
		for n > 0 && b[i] != b[n] {
			n = shorter[n-1]
		}
		if b[i] == b[n] {
			n++
		}
		shorter[i] = n
	}
	n := 0
	for i := range len(a) {
		for n > 0 && a[i] != b[n] { // n is len(b) after the last byte only
			n = shorter[n-1]
		}
		if a[i] == b[n] {
			n++
		}
	}
	return n
}
