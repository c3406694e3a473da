using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>What hinders a start is said in one line on standard error that says what to do, with an exit code that is not 0.</summary>
public sealed class StartTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Start_WhenAnotherProcessHasTheFolder_SaysSo()
    {
        await using var first = await ServiceProcess.StartAsync(_folder.PathOf("data"));
        await using var second = ServiceProcess.Launch(_folder.PathOf("data"));

        await AssertRefusesAsync(second, _folder.PathOf("data"), "in use by another process", "choose another folder");
        using var client = first.Connect();
        await client.CreateTopicAsync("unharmed", 1);
    }

    [Fact]
    public async Task Start_Always_WatchesNoFiles()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "A process's handles are shown by Linux alone.");
        await using var service = await ServiceProcess.StartAsync(_folder.PathOf("data"));

        // A watch for changed settings would be told of each append to the data below the same folder.
        Assert.DoesNotContain(
            Directory.EnumerateFileSystemEntries($"/proc/{service.ProcessId}/fd"),
            handle => new FileInfo(handle).LinkTarget?.Contains("inotify", StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task Start_WhenTheFolderCannotBeMade_SaysSo()
    {
        // Below a file no folder can be made, whoever asks; permissions would not hinder a test that runs as root.
        await File.WriteAllTextAsync(_folder.PathOf("file"), "", TestContext.Current.CancellationToken);
        await using var service = ServiceProcess.Launch(_folder.PathOf("file", "data"));

        await AssertRefusesAsync(service, _folder.PathOf("file", "data"), "choose another folder");
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task Start_WhenTheFolderIsReadOnly_SaysSo()
    {
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "Permissions do not hold a privileged process back.");
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has other permissions.");
        var path = Directory.CreateDirectory(_folder.PathOf("locked"), UnixFileMode.UserRead | UnixFileMode.UserExecute).FullName;
        await using var service = ServiceProcess.Launch(path);

        await AssertRefusesAsync(service, path, "choose another folder");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    [Fact]
    public async Task Start_WhenThePortIsTaken_SaysSo()
    {
        using var listener = new TcpListener(IPAddress.Loopback, FreePort.Find());
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using var service = ServiceProcess.Launch(_folder.PathOf("data"), port);

        await AssertRefusesAsync(service, $"{port}", "in use", "--urls");
    }

    [Theory]
    [InlineData("OrleansStream__Storage__Provider", "Floppy", "OrleansStream:Storage:Provider", "Floppy", "Files")]
    [InlineData("OrleansStream__Silo__Embedded", "perhaps", "OrleansStream:Silo:Embedded", "perhaps", "")]
    [InlineData("OrleansStream__Silo__SiloPort", "70000", "OrleansStream:Silo:SiloPort", "70000", "65535")]
    public async Task Start_WhenASettingIsWrong_NamesIt(string variable, string value, params string[] expected)
    {
        await using var service = ServiceProcess.Launch(_folder.PathOf("data"), settings: (variable, value));

        await AssertRefusesAsync(service, expected);
    }

    // Whichever way it is said: the address is known when it is to be bound.
    [Theory]
    [InlineData(null, "http://0.0.0.0:{0}")]
    [InlineData(null, "http://+:{0}")]
    [InlineData(null, "http://127.0.0.1:0;http://[::]:{0}")]
    [InlineData("Kestrel__Endpoints__Http__Url", "http://*:{0}")]
    public async Task Start_WhenOthersCouldReachItAndNobodySignsIn_NamesTheWaysOut(string? variable, string form)
    {
        var port = FreePort.Find();
        var url = form.Replace("{0}", $"{port}", StringComparison.Ordinal);
        await using var service = variable is null
            ? ServiceProcess.LaunchListening(_folder.PathOf("data"), port, url)
            : ServiceProcess.LaunchListening(_folder.PathOf("data"), port, urls: null, (variable, url));

        await AssertRefusesAsync(service, "Security:ApiKeys=true", "keys create", "Security:OpenIdConnect:Authority", "Security:AllowAnonymous=true", "localhost");
    }

    [Theory]
    [InlineData("OrleansStream__Security__AllowAnonymous", "everybody", 200)]
    [InlineData("OrleansStream__Security__ApiKeys", "Listening", 401)]
    public async Task Start_WhenOthersCanReachItAndTheSettingsSayHow_Serves(string variable, string said, int status)
    {
        var port = FreePort.Find();
        await using var service = ServiceProcess.LaunchListening(_folder.PathOf("data"), port, $"http://0.0.0.0:{port}", (variable, "true"));
        await service.WaitUntilReadyAsync();
        using var client = service.Connect();

        (await client.SendAsync(HttpMethod.Get, "/v1/topics")).Expect((HttpStatusCode)status);
        Assert.Contains(service.Output, line => line.Contains(said, StringComparison.Ordinal));
    }

    [Fact]
    public async Task KeysCreate_MakesTheFirstKeyOfAFolder()
    {
        var first = await CreateKeyAsync("first", "--name", "ops");
        Assert.Equal(0, first.ExitCode);
        var key = first.Output.Trim();
        Assert.Matches("^os_first_[0-9a-f]{64}$", key);
        Assert.Equal((1, 0), ((await CreateKeyAsync("first")).ExitCode, (await CreateKeyAsync("first", "--if-missing", "true")).ExitCode));
        Assert.Equal(1, (await CreateKeyAsync("second", "--role", "King")).ExitCode);
        Assert.DoesNotContain(
            Directory.EnumerateFiles(_folder.PathOf("data"), "*", SearchOption.AllDirectories).Select(File.ReadAllText),
            text => text.Contains(key[^64..], StringComparison.Ordinal));

        await using var service = await ServiceProcess.StartAsync(_folder.PathOf("data"), settings: ("OrleansStream__Security__ApiKeys", "true"));
        using var client = service.Connect();
        (await client.SendAsync(HttpMethod.Get, "/v1/cluster")).Expect(HttpStatusCode.Unauthorized);
        client.SignIn(key);
        (await client.SendAsync(HttpMethod.Get, "/v1/access/keys")).Expect(HttpStatusCode.OK);
        // The folder is the service's now.
        Assert.Contains("in use by another process", (await CreateKeyAsync("third")).Errors, StringComparison.Ordinal);
    }

    private async Task<(int ExitCode, string Output, string Errors)> CreateKeyAsync(string id, params string[] options) =>
        await OtherProgram.RunAsync(
        new ProcessStartInfo("dotnet", [Repository.ServiceAssembly, "keys", "create", id, .. options, "--OrleansStream:Storage:Files:Directory", _folder.PathOf("data")]));

    [Fact]
    public async Task Start_WhenNothingIsConfigured_MakesItsFolderWhereItIsStarted()
    {
        await using var service = await ServiceProcess.StartAsync(dataFolder: null, workingFolder: _folder.Path);

        Assert.True(Directory.Exists(_folder.PathOf("data", "segments")));
    }

    [Fact]
    public async Task Start_WhenFoldersAndPortsDiffer_TwoServeSideBySide()
    {
        await using var one = await ServiceProcess.StartAsync(_folder.PathOf("one"));
        await using var other = await ServiceProcess.StartAsync(_folder.PathOf("other"));
        using var oneClient = one.Connect();
        using var otherClient = other.Connect();

        await oneClient.CreateTopicAsync("same", 1);
        await otherClient.CreateTopicAsync("same", 2);
        await oneClient.ProduceAsync("same", new JsonObject { ["value"] = "one" });
        await otherClient.ProduceAsync("same", new JsonObject { ["value"] = "other", ["partition"] = 0 });

        Assert.Equal("one", (string?)Assert.Single(await oneClient.ReadAllAsync("same", 0)).Value);
        Assert.Equal("other", (string?)Assert.Single(await otherClient.ReadAllAsync("same", 0)).Value);
    }

    private static async Task AssertRefusesAsync(ServiceProcess service, params string[] expected)
    {
        var exitCode = await service.WaitForExitAsync();
        Assert.NotEqual(0, exitCode);
        var line = Assert.Single(service.Errors, line => line.Length > 0);
        Assert.All(expected, part => Assert.Contains(part, line, StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain("   at ", string.Join('\n', service.Output), StringComparison.Ordinal);
    }
}
