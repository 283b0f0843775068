package source

import (
	"errors"
	"io/fs"
	"os"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"snug/systemdimg/store"
)

// authFiles are where the credentials of registries are kept, by podman and by docker. The first that knows the
// registry counts (containers-auth.json(5)). The programs that a file names as helpers are started, as docker
// does: who may write there may do so anyhow.
func authFiles() []string {
	if f := os.Getenv("REGISTRY_AUTH_FILE"); f != "" {
		return []string{f}
	}
	var list []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		list = append(list, dir+"/containers/auth.json")
	}
	home := os.Getenv("HOME")
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		list = append(list, dir+"/containers/auth.json")
	} else if home != "" {
		list = append(list, home+"/.config/containers/auth.json")
	}
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return append(list, dir+"/config.json")
	}
	if home != "" {
		list = append(list, home+"/.docker/config.json")
	}
	return list
}

// credentials are what the person has for a repository, or nobody's.
func credentials(repo name.Repository) (authn.Authenticator, error) {
	for _, path := range authFiles() {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		file, err := config.LoadFromReader(f)
		f.Close()
		if err != nil {
			return nil, &store.Error{What: "read the credentials in " + quote(path), Err: err}
		}
		for _, key := range []string{repo.String(), repo.RegistryStr()} {
			if key == name.DefaultRegistry {
				key = authn.DefaultAuthKey
			}
			a, err := file.GetAuthConfig(key)
			if err != nil {
				return nil, &store.Error{What: "get the credentials for " + quote(key), Err: err}
			}
			a.ServerAddress = ""
			if a != (types.AuthConfig{}) {
				return authn.FromConfig(authn.AuthConfig{Username: a.Username, Password: a.Password, Auth: a.Auth,
					IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken}), nil
			}
		}
	}
	return authn.Anonymous, nil
}
