package main

import (
	"encoding/json"
	"io"
)

// printEach writes each value on a line.
func printEach[T any](w io.Writer, all []T) error {
	for _, v := range all {
		if err := printJSON(w, v); err != nil {
			return err
		}
	}
	return nil
}

// printJSON writes one value on one line.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
