using OrleansStream.Tests.Security;

namespace OrleansStream.Tests.CommandLine;

/// <summary><c>orleansstream keys</c> and <c>rights</c>, and all ways to sign in, against a service whose callers sign in.</summary>
public sealed class AccessVerbsTests(SecureApi api) : IClassFixture<SecureApi>, IDisposable
{
    private readonly CommandLineRig _rig = new(api.Address);

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task KeysAndRights_AreGivenListedAndTaken()
    {
        SignIn(api.Bootstrap);
        var id = CommandLineRig.NewName("key");
        var created = (await _rig.RunAsync("keys", "create", id, "--name", "crawler")).Expect(0);
        var key = Assert.Single(created.Lines);
        Assert.StartsWith("os_", key, StringComparison.Ordinal);
        Assert.DoesNotContain(key, created.Errors, StringComparison.Ordinal);
        (await _rig.RunAsync("keys", "create", id)).Expect(6);
        var listed = (await _rig.RunAsync("keys", "list")).Expect(0);
        Assert.Matches($@"{id} +crawler +- ", listed.Text);
        Assert.DoesNotContain(key, listed.Text, StringComparison.Ordinal);

        var topic = CommandLineRig.NewName("cli");
        (await _rig.RunAsync("topics", "create", topic)).Expect(0);
        SignIn(key);
        var denied = (await _rig.PipeAsync("x\n", "produce", topic)).Expect(4);
        Assert.Contains("rights give", denied.Errors, StringComparison.Ordinal);

        SignIn(api.Bootstrap);
        (await _rig.RunAsync("rights", "give", "key:crawler", "topic", topic, "--allow", "read,write")).Expect(0);
        Assert.Matches($@"key:crawler +topic {topic} ", (await _rig.RunAsync("rights", "list", "--principal", "key:crawler")).Expect(0).Text);
        SignIn(key);
        (await _rig.PipeAsync("x\n", "produce", topic)).Expect(0);
        Assert.Equal(["x"], (await _rig.RunAsync("consume", topic)).Expect(0).Lines);

        SignIn(api.Bootstrap);
        (await _rig.RunAsync("rights", "take", "key:crawler", "topic", topic)).Expect(2);
        (await _rig.RunAsync("rights", "take", "key:crawler", "topic", topic, "--yes")).Expect(0);
        (await _rig.RunAsync("keys", "revoke", id, "--yes")).Expect(0);
        SignIn(key);
        Assert.Contains("not accepted", (await _rig.RunAsync("topics", "list")).Expect(4).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutAKey_TheRunSaysHowToSignIn() =>
        Assert.Contains("ORLEANSSTREAM_KEY", (await _rig.RunAsync("topics", "list")).Expect(4).Errors, StringComparison.Ordinal);

    [Fact]
    public async Task Profiles_SignInByAFileAndByAVariable()
    {
        var file = _rig.Folder.PathOf("key");
        await File.WriteAllTextAsync(file, api.Bootstrap + "\n");
        (await _rig.RunAsync("profile", "set", "file", "--server", api.Address.ToString(), "--key-file", file)).Expect(0);
        (await _rig.RunAsync("profile", "set", "variable", "--server", api.Address.ToString(), "--key-variable", "MY_KEY")).Expect(0);
        _rig.Environment["ORLEANSSTREAM_SERVER"] = null;

        (await _rig.RunAsync("topics", "list", "--profile", "file")).Expect(0);
        Assert.Contains("MY_KEY", (await _rig.RunAsync("topics", "list", "--profile", "variable")).Expect(2).Errors, StringComparison.Ordinal);
        _rig.Environment["MY_KEY"] = api.Bootstrap;
        (await _rig.RunAsync("topics", "list", "--profile", "variable")).Expect(0);
        (await _rig.RunAsync("profile", "use", "file")).Expect(0);
        (await _rig.RunAsync("topics", "list")).Expect(0);
        Assert.Matches(@"\* +file +http", (await _rig.RunAsync("profile", "list")).Expect(0).Text);
        Assert.Equal("file", (string?)(await _rig.RunAsync("profile", "show", "--json")).Expect(0).Objects[0]["name"]);
        (await _rig.RunAsync("profile", "remove", "file")).Expect(0);
        (await _rig.RunAsync("profile", "show")).Expect(3);
    }

    /// <summary>The Azure CLI is a program on the path; this one gives the service's own key as its token.</summary>
    [Fact]
    public async Task AzureCli_GivesTheToken()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The Azure CLI's stand-in is a shell script.");
        var bin = Directory.CreateDirectory(_rig.Folder.PathOf("bin")).FullName;
        var az = Path.Join(bin, "az");
        await File.WriteAllTextAsync(az, $$"""
            #!/bin/sh
            echo "$@" > "{{_rig.Folder.PathOf("asked")}}"
            echo '{"accessToken":"{{api.Bootstrap}}","expiresOn":"2099-01-01 00:00:00.000000","expires_on":4070908800,"subscription":"s","tenant":"t","tokenType":"Bearer"}'
            """);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(az, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _rig.Environment["PATH"] = $"{bin}:{System.Environment.GetEnvironmentVariable("PATH")}";

        (await _rig.RunAsync("topics", "list", "--azure-cli", "api://orleansstream/.default")).Expect(0);

        Assert.Contains("--resource api://orleansstream", await File.ReadAllTextAsync(_rig.Folder.PathOf("asked")), StringComparison.Ordinal);
    }

    private void SignIn(string key) => _rig.Environment["ORLEANSSTREAM_KEY"] = key;
}
