//go:build !cgo

package sandbox

// keepMemory: see memory_cgo.go.
const keepMemory = false
