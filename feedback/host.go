package feedback

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/internal/plain"
	"github.com/slimci/dbtcloud/report"
)

// ErrNoHost means that [HostFromEnv] cannot tell the API of the git host, or has no token for it. Its text says which variable to set, and
// what the token must be allowed.
var ErrNoHost = errors.New("feedback: no access to the git host")

// State is what a commit status says, in one word for every host.
type State string

// States of a [Status].
const (
	StatePending   State = "pending" // waiting or running
	StateSuccess   State = "success"
	StateFailure   State = "failure"
	StateCancelled State = "cancelled" // GitHub and Azure Repos have no such word: there it is an error
)

// Status is a commit status: the line with a sign that a host shows at a commit and its pull request.
type Status struct {
	SHA         string // the full head commit
	Name        string // a later status of the same name takes the place of this one; default dbtcloud
	State       State
	Description string // one line, cut to what the host takes
	URL         string // where the line leads to; may be empty
}

// StatusOf is the status that a run deserves: of its commit, with a link to it and how many nodes ended how. Set SHA if the run was not
// triggered with a commit.
func StatusOf(d *report.Digest) Status {
	s := Status{SHA: d.Run.SHA, State: StatePending, URL: d.Run.URL}
	switch d.Run.Status {
	case dbtcloud.RunSuccess.String():
		s.State = StateSuccess
	case dbtcloud.RunError.String():
		s.State = StateFailure
	case dbtcloud.RunCancelled.String():
		s.State = StateCancelled
	}
	s.Description = fmt.Sprintf("dbt run %d: %s", d.Run.ID, d.Run.Status)
	if c := d.Counts; c.Nodes > 0 {
		s.Description += fmt.Sprintf(", %d built, %d passed, %d failed, %d errors, %d warnings, %d skipped", c.Built, c.Passed, c.Failed, c.Errors, c.Warned, c.Skipped)
	}
	if webAddress(s.URL) != nil {
		s.URL = ""
	}
	return s
}

// Host is the API of the git host that the repository lives on, with the pipeline's token. The token is sent to that API alone, and
// nothing that prints a Host shows it.
type Host struct {
	// HTTPClient sends the requests, if set. It is copied: what the host redirects to another one is refused whatever its CheckRedirect says.
	HTTPClient *http.Client

	kind dbtcloud.GitHost
	api  forge
}

// forge is what the hosts do each in their own way.
type forge interface {
	setStatus(ctx context.Context, s Status) error
	comments(ctx context.Context, number int64, key string) ([]comment, error) // ours with the key, the oldest first
	add(ctx context.Context, number int64, key, text string) error
	edit(ctx context.Context, number int64, c comment, key, text string) error
	head(ctx context.Context, number int64) (string, error)
	limit() int // bytes of a comment's text
}

// comment names one for an edit. Thread is of Azure Repos.
type comment struct{ id, thread int64 }

// SetStatus sets a commit status, in the place of an earlier one of the same name. On Azure Repos it is a status of the event's pull
// request if there is one, which a branch policy can require. A status that cannot be right is [dbtcloud.ErrInvalid], an answer that is no
// success a [*HostError].
func (h *Host) SetStatus(ctx context.Context, s Status) error {
	if s.Name == "" {
		s.Name = "dbtcloud"
	}
	s.Description = oneLine(s.Description)
	switch {
	case h.api == nil:
		return invalid("the host is empty: make it with HostFromEnv")
	case !fullSHA.MatchString(s.SHA):
		return invalid("status: %.70q is not a full commit id of 40 or 64 hexadecimal digits", s.SHA)
	case s.State != StatePending && s.State != StateSuccess && s.State != StateFailure && s.State != StateCancelled:
		return invalid("status: unknown state %.20q: use %s, %s, %s or %s", s.State, StatePending, StateSuccess, StateFailure, StateCancelled)
	case len(s.Name) > maxName || oneLine(s.Name) != s.Name:
		return invalid("status: the name must be one line of at most %d bytes, not %.70q", maxName, s.Name)
	}
	if err := webAddress(s.URL); s.URL != "" && err != nil {
		return invalid("status: its link %w", err)
	}
	return h.api.setStatus(ctx, s)
}

// maxName is on the safe side of what every host takes.
const maxName = 100

// Comment writes the one comment of the key on a pull request: the one that is there is edited, else one is made. It is known by a mark
// that nobody sees, in comments of the token's own user as far as the host says who that is. Should there be several, because two pipelines
// started at once, the oldest is edited and the others stay as they are. The text is Markdown, such as that of [report.Digest.Markdown] with
// [Host.CommentLimit]; one that is too long is cut at its end.
func (h *Host) Comment(ctx context.Context, pr dbtcloud.PullRequest, key, markdown string) error {
	if err := h.check(pr); err != nil {
		return err
	}
	if !markKey.MatchString(key) || strings.Contains(key, "--") {
		return invalid("comment: the key must be 1 to 64 letters, digits, dots, slashes, underscores or single dashes, not %.70q", key)
	}
	if strings.TrimSpace(markdown) == "" {
		return invalid("comment: the text for %s is empty", pr)
	}
	api := h.api
	text := fit(quiet(h.kind, markdown), api.limit())
	ours, err := api.comments(ctx, pr.Number, key)
	if err != nil {
		return err
	}
	for _, c := range ours {
		err := api.edit(ctx, pr.Number, c, key, text)
		if !notOurs(err) {
			return err
		}
	}
	return api.add(ctx, pr.Number, key, text)
}

// CommentLimit is how many bytes of text a comment may have on this host. The hosts count characters, each in its own way.
func (h *Host) CommentLimit() int {
	if h.api == nil {
		return 0
	}
	return h.api.limit()
}

// Head asks the host for the head commit of a pull request. It fits [dbtcloud.AutoscaleCI].Head.
func (h *Host) Head(ctx context.Context, pr dbtcloud.PullRequest) (sha string, err error) {
	if err := h.check(pr); err != nil {
		return "", err
	}
	sha, err = h.api.head(ctx, pr.Number)
	if err == nil && !fullSHA.MatchString(sha) {
		return "", fmt.Errorf("feedback: the host's answer has no head commit of %s", pr)
	}
	return strings.ToLower(sha), err
}

func (h *Host) check(pr dbtcloud.PullRequest) error {
	switch {
	case h.api == nil:
		return invalid("the host is empty: make it with HostFromEnv")
	case pr.Number <= 0:
		return invalid("the pull request number must be positive, not %d", pr.Number)
	case pr.Host != h.kind:
		return invalid("%s is a pull request of another host than this one, which is %s", pr, h.kind)
	}
	return nil
}

var (
	fullSHA     = regexp.MustCompile(`^[0-9a-fA-F]{40}([0-9a-fA-F]{24})?$`)
	shortSHA    = regexp.MustCompile(`^[0-9a-fA-F]{7,40}$`)
	quickAction = regexp.MustCompile(`(?m)^(\s*)/`)
	markKey     = regexp.MustCompile(`^[A-Za-z0-9._/-]{1,64}$`)
)

func invalid(format string, args ...any) error {
	return fmt.Errorf("feedback: %w: %w", dbtcloud.ErrInvalid, fmt.Errorf(format, args...))
}

// htmlMark is the mark of a comment where the host hides comments of HTML. It is the start of the text, so that nobody's quote has it.
func htmlMark(key string) string { return "<!-- dbtcloud " + key + " -->\n" }

// markRoom is kept free for the mark.
const markRoom = 100

// marked tells whether a text begins with a mark. A host may store line ends in its own way.
func marked(text, mark string) bool { return strings.HasPrefix(text, strings.TrimSpace(mark)) }

// pages asks for pages of comments, the oldest first, until there are no more. On a pull request that has more of them than are read, with
// none of ours, none is written: each pipeline would make one more.
func pages(ask func(page int) (ours []comment, more bool, err error)) ([]comment, error) {
	var all []comment
	for page := 1; page <= maxPages; page++ {
		ours, more, err := ask(page)
		if err != nil {
			return nil, err
		}
		all = append(all, ours...)
		if !more {
			return all, nil
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	return nil, fmt.Errorf("feedback: the pull request has more than %d comments, with none of ours among the oldest: none is written", maxPages*pageSize)
}

// quiet takes the meaning out of what a host finds inside of code as well, by a space that has no width. GitLab looks for its quick actions,
// lines such as /merge, with a pattern that knows no fence of more than three backticks (lib/gitlab/quick_actions/extractor.rb). Of Azure
// Repos and Bitbucket no source says that a mention of a person, @<id> or @{id}, has no meaning there.
func quiet(kind dbtcloud.GitHost, text string) string {
	if kind == dbtcloud.GitLab {
		return quickAction.ReplaceAllString(text, "$1\u200b/")
	}
	return strings.NewReplacer("@<", "@\u200b<", "@{", "@\u200b{").Replace(text)
}

// webAddress says why people cannot be led to an address.
func webAddress(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("is not an address that begins with https:// or http://")
	case u.User != nil:
		return errors.New("has a user name or password in it")
	}
	return nil
}

// oneLine takes out line breaks and whatever else is no text.
func oneLine(text string) string { return strings.Join(strings.Fields(plain.Text(text)), " ") }

// shorten cuts a line to so many characters.
func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-3]) + "..."
}

// cutNote ends a text that was cut. A block of code that was open is closed before it.
const cutNote = "\n\nThe rest is cut: there is no more room in a comment.\n"

// fit cuts a text to so many bytes, at the end of a line where there is one, with the blocks of code closed.
func fit(text string, most int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= most {
		return text
	}
	const fences = 600 // room for the fence of a block, which is longer than any backticks in it
	text = strings.ToValidUTF8(text[:most-len(cutNote)-fences], "")
	if i := strings.LastIndexByte(text, '\n'); i > len(text)/2 {
		text = text[:i]
	}
	if open := openFence(text); open != "" && len(open) < fences {
		text += "\n" + open
	}
	return text + cutNote
}

// openFence is the fence of the block of code that a text ends in; empty if it ends in none.
func openFence(text string) string {
	open := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		fence := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case len(fence) < 3:
		case open == "":
			open = fence
		case line == fence && len(fence) >= len(open):
			open = ""
		}
	}
	return open
}
