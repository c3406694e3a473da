using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.CommandLine;

/// <summary><c>orleansstream serve</c> and <c>verify</c>: the service itself, as a process below the command line.</summary>
public sealed class ServeTests : IDisposable
{
    private readonly int _port = FreePort.Find();
    private readonly CommandLineRig _rig;

    public ServeTests()
    {
        _rig = new CommandLineRig(new Uri($"http://127.0.0.1:{_port}"));
        _rig.Environment["ORLEANSSTREAM_SERVICE"] = Repository.ServiceAssembly;
    }

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task Serve_RunsTheServiceUntilItIsToldToEnd()
    {
        var data = _rig.Folder.PathOf("data");
        await using (var service = new RunningCommand(_rig.StartOf("serve", "--urls", $"http://127.0.0.1:{_port}", "--data", data, "--kafka", "off")))
        {
            await service.UntilAsync(line => line.Contains("Listening on", StringComparison.Ordinal));
            (await _rig.RunAsync("topics", "create", "matches")).Expect(0);
            (await _rig.PipeAsync("one\n", "produce", "matches")).Expect(0);
            Assert.Equal(["one"], (await _rig.RunAsync("consume", "matches")).Expect(0).Lines);
            Assert.Equal(1, (await _rig.RunAsync("verify", "--data", data)).ExitCode); // a process owns the folder

            Assert.Equal(0, await service.EndAsync(Signals.Terminate));
        }

        (await _rig.RunAsync("topics", "list")).Expect(5); // nothing was left behind
        var sound = (await _rig.RunAsync("verify", "--data", data)).Expect(0);
        Assert.Contains("1 ", sound.Text, StringComparison.Ordinal);

        var segment = Directory.EnumerateFiles(Path.Join(data, "segments"), "*", SearchOption.AllDirectories)
            .Single(file => File.ReadAllBytes(file).AsSpan().IndexOf("one"u8) >= 0);
        var bytes = await File.ReadAllBytesAsync(segment, TestContext.Current.CancellationToken);
        bytes[bytes.AsSpan().IndexOf("one"u8)] ^= 0xFF;
        await File.WriteAllBytesAsync(segment, bytes, TestContext.Current.CancellationToken);

        Assert.Equal(2, (await _rig.RunAsync("verify", "--data", data)).ExitCode);
    }

    [Fact]
    public async Task Serve_WithAWrongSetting_EndsWithTheServicesOwnCodeAndReason()
    {
        var failed = await _rig.RunAsync("serve", "--kafka", "off", "--", "--OrleansStream:Storage:Provider=Tape");

        Assert.NotEqual(0, failed.ExitCode);
        Assert.Contains("Tape", failed.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serve_WithoutAService_SaysWhereItLooked()
    {
        _rig.Environment["ORLEANSSTREAM_SERVICE"] = _rig.Folder.PathOf("nothing.dll");

        Assert.Contains("nothing.dll", (await _rig.RunAsync("serve")).Expect(1).Errors, StringComparison.Ordinal);
    }
}
