package manifest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// newest is the dbt-core 1.12 that is taken to ask where the new manifest is of a version before.
const newest = "1.12.3"

// running is the version of dbt-core that would compare a manifest which was written by that version.
func running(profile, written string) string {
	if profile != ProfileCore19 && minor(written) < 12 {
		return newest
	}
	return written
}

// minor is 12 for 1.12.3; large for 2 and later, 0 for what is no version.
func minor(version string) int {
	major, rest, _ := strings.Cut(version, ".")
	text, _, _ := strings.Cut(rest, ".")
	if n, err := strconv.Atoi(major); err != nil || n != 1 {
		if n > 1 {
			return 1000
		}
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// rewrites reports whether dbt reads the configurations of a manifest anew from the code, because another version wrote
// them: it does so from 1.12 on, if it compares more unrendered values.
func (c *comparer) rewrites(m *Manifest) bool {
	return c.Engine.Profile != ProfileCore19 && c.Engine.CompareMoreUnrenderedValues && m.Metadata.DbtVersion != c.Engine.Version
}

// rewriteConfig puts what the config() call in the code says into an unrendered configuration.
func rewriteConfig(config object, n *Node) {
	simple := n.ResourceType == "test" && len(n.DependsOn.Macros) == 1 &&
		slices.Contains([]string{"macro.dbt.test_not_null", "macro.dbt.test_unique"}, n.DependsOn.Macros[0])
	if len(config) == 0 || n.ConfigCall == "" || simple || n.ResourceType == "function" {
		return
	}
	keywords, err := keywordArguments(n.ConfigCall)
	if err != nil {
		return
	}
	for _, k := range keywords {
		key, _ := k.get("key").(pyText)
		value, _ := k.get("value").(*expr)
		text := source(value)
		if constant, ok := value.get("value").(pyText); ok && value.class == "Const" {
			text = string(constant)
		}
		config[string(key)] = jsonText(text)
	}
}

// jsonText is a text as JSON, with no more escapes than needed: people read it.
func jsonText(text string) json.RawMessage {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a text can always be encoded, and a buffer takes all
	return bytes.TrimSpace(out.Bytes())
}
