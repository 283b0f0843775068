package main

import (
	"strings"
	"unicode/utf8"
)

// table prints rows in columns, each as wide as its widest cell, but for the last one.
func (c *console) table(rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell)+2)
		}
	}
	for _, row := range rows {
		var text strings.Builder
		for i, cell := range row {
			text.WriteString(column(cell, widths[i]))
		}
		c.print(strings.TrimRight(text.String(), " "), "\n")
	}
}
