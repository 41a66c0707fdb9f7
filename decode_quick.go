package dbtcloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// Nearly all answers look alike: data, the status of a success and extra, and in data
// an item or a list of items that decode without ado. quick reads such an answer once,
// where parseAnswer and decode read it several times over, and leaves every other one
// to them: it succeeds only where they would come to the same result.

var errNotQuick = errors.New("dbtcloud: an answer for parseAnswer")

// quick decodes an answer whose data begins with a brace or, if it is a list, with a
// bracket. The total is what the server says of a list, -1 where it does not.
func quick[T any](body []byte, begin json.Delim) (items []*T, total int, ok bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, 0, false
	}
	var status answerStatus
	var extra answerExtra
	seen := map[json.Token]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil || seen[name] {
			return nil, 0, false
		}
		seen[name] = true
		switch name {
		case "data":
			items, err = quickData[T](d, body, begin)
		case "status":
			err = d.Decode(&status)
		case "extra":
			err = d.Decode(&extra)
		default:
			err = errNotQuick
		}
		if err != nil {
			return nil, 0, false
		}
	}
	_, brace := d.Token()
	_, end := d.Token()
	if brace != nil || !errors.Is(end, io.EOF) || items == nil || status.refused() {
		return nil, 0, false
	}
	return items, extra.total(), true
}

// quickData decodes the data, which comes next in body.
func quickData[T any](d *json.Decoder, body []byte, begin json.Delim) ([]*T, error) {
	if begin == '{' {
		item, err := quickItem[T](d, body)
		return []*T{item}, err
	}
	if first, err := d.Token(); err != nil || first != begin {
		return nil, errNotQuick
	}
	items := []*T{}
	for d.More() {
		item, err := quickItem[T](d, body)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err := d.Token()
	return items, err
}

// quickItem decodes an item, which comes next in body, and keeps its JSON without
// reading it again. One without an id may be wrapped twice, or null.
func quickItem[T any](d *json.Decoder, body []byte) (*T, error) {
	item, keep, from := new(T), new(raw), d.InputOffset()
	var known any = item
	if k, ok := known.(keeper); ok {
		known, keep = k.keeping()
	}
	if err := d.Decode(known); err != nil {
		return nil, err
	}
	if keyOf(item) <= 0 {
		return nil, errNotQuick
	}
	keep.json = bytes.Clone(bytes.TrimLeft(body[from:d.InputOffset()], ":, \t\r\n"))
	return item, nil
}
