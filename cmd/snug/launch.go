package main

import (
	"context"
	"errors"
	"os"
	"strconv"
	"sync"

	"snug/cmd/internal/homes"
	"snug/cmd/internal/instances"
	"snug/portals"
	"snug/sandbox"
)

// launch starts what was planned and waits for it.
func (c *console) launch(p *plan) (failed error) {
	if err := checkName(p.instanceName()); err != nil {
		return err
	}
	started, err := p.lockHome()
	if err != nil {
		return err
	}
	defer started()
	for _, folder := range p.sandbox.Folders {
		undo, err := folder.Make()
		defer func() {
			if notStarted(failed) {
				undo()
			}
		}()
		if err != nil {
			return err
		}
	}
	j := p.job(started)
	if len(p.sandbox.Endpoints) > 0 {
		log, done, err := openLog(p.own.log)
		if err != nil {
			return err
		}
		defer done()
		j.brokers = p.brokers(log)
		if p.merged.Sound.Record.Value == "ask" {
			j.brokers.Ask = func(ctx context.Context, q portals.Question) bool { return c.ask(ctx, p, q) }
		}
	}
	null, err := p.silence(j)
	if err != nil {
		return err
	}
	defer null()
	before := p.sandbox.Traces(p.world.Files)
	err = supervise(j)
	c.warnTraces(p.sandbox.Traces(p.world.Files).Since(before))
	c.noteRefusals(p, j.refused, err)
	return c.notFound(p, err)
}

// job is what was planned, for supervise. It calls started when the app is in the account.
func (p *plan) job(started func()) *job {
	j := &job{spec: p.sandbox.Spec, name: p.instanceName(), network: p.sandbox.UserNetwork}
	j.exact = p.own.name != "" || p.merged.Instances.Value == "one"
	j.record.App, j.record.File = p.app.ID, p.manifestFile()
	if p.sandbox.Home != "" {
		j.record.Home = p.merged.ID.Value
		homes.Use(p.sandbox.Home)
	}
	if p.merged.Files.Live.Value || p.merged.Instances.Value == "join" {
		j.record.Live = &instances.Live{Folders: writableFolders(p.sandbox.Spec)}
	}
	if p.merged.Portals.Documents.Value {
		j.ended = p.inheritDocuments
	}
	j.started = func(name string) {
		started()
		if p.own.ready >= 0 {
			sayReady(p.own.ready, name)
		}
	}
	return j
}

// inheritDocuments takes over those of starts that have joined, to be taken away with its own.
func (p *plan) inheritDocuments(r *instances.Record) {
	if r.Live != nil {
		p.sandbox.Documents = append(p.sandbox.Documents, r.Live.Documents...)
	}
}

// silence drops what a detached app says on its standard error.
func (p *plan) silence(j *job) (done func(), err error) {
	if p.own.ready < 0 {
		return func() {}, nil
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	j.spec.Process.Files = append(j.spec.Process.Files, sandbox.File{Number: 2, Source: null})
	return func() { null.Close() }, nil
}

// lockHome keeps the kept home from being removed until the start is in the account of instances.
func (p *plan) lockHome() (unlock func(), err error) {
	held := func() {}
	if p.unlock != nil {
		held = p.unlock
	}
	if p.sandbox.Home == "" || p.unlock != nil && p.merged.ID.Value == p.app.ID {
		return held, nil
	}
	dir, err := openInstances()
	if err != nil {
		return nil, err
	}
	release, err := lockApp(dir, p.merged.ID.Value, false)
	if err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() {
		release()
		held()
	}), nil
}

// writableFolders are those of the host that a sandbox may change.
func writableFolders(s *sandbox.Spec) (folders []instances.Folder) {
	for _, step := range s.Root {
		if bind, ok := step.(*sandbox.Bind); ok && bind.Writable && !bind.Devices {
			folders = append(folders, instances.Folder{Source: bind.Source, Dest: bind.Dest})
		}
	}
	return folders
}

// warnTraces tells a person what the app has left for git.
func (c *console) warnTraces(paths []string) {
	if len(paths) == 0 {
		return
	}
	text := "warning: since the start there is " + quote(paths[0])
	if more := len(paths) - 1; more > 0 {
		text += " and " + strconv.Itoa(more) + " more like it"
	}
	c.say(text+", by which git may run outside what the app chose", "before you use git here, look at it")
}

// notStarted reports whether an error is that of a start, and not the status of an app that ran.
func notStarted(err error) bool {
	var f *failure
	return err != nil && (!errors.As(err, &f) || f.err != nil)
}
