using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.CommandLine;

/// <summary>What a run of the command line came to.</summary>
/// <param name="ExitCode">What the shell is told.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Errors">Standard error.</param>
internal sealed record CommandLineResult(int ExitCode, byte[] Output, string Errors)
{
    /// <summary>Standard output as text.</summary>
    public string Text => Encoding.UTF8.GetString(Output);

    /// <summary>The lines of standard output.</summary>
    public string[] Lines => Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The lines of standard output, each as JSON.</summary>
    public JsonNode[] Objects => [.. Lines.Select(line => JsonNode.Parse(line)!)];

    /// <summary>Fails the test unless the run ended so.</summary>
    public CommandLineResult Expect(int exitCode)
    {
        Assert.True(ExitCode == exitCode, $"It ended with {ExitCode} instead of {exitCode}: {Errors}{Text}");
        return this;
    }
}

/// <summary>The real command line, with a home of its own, so that nobody's profiles and keys are used.</summary>
/// <param name="server">The service's address; null to leave it open.</param>
internal sealed class CommandLineRig(Uri? server) : IDisposable
{
    private readonly ScratchFolder _folder = new();

    /// <summary>The environment of each run, beside what keeps it apart from this machine's.</summary>
    public Dictionary<string, string?> Environment { get; } = [];

    /// <summary>A folder that is gone when the test has ended.</summary>
    public ScratchFolder Folder => _folder;

    /// <summary>A topic's or a group's name that nobody else uses.</summary>
    public static string NewName(string prefix) => $"{prefix}-{Guid.NewGuid():N}"[..20];

    /// <summary>Runs it without input.</summary>
    public Task<CommandLineResult> RunAsync(params string[] arguments) => RunAsync([], arguments);

    /// <summary>Runs it with text on its standard input.</summary>
    public Task<CommandLineResult> PipeAsync(string input, params string[] arguments) => RunAsync(Encoding.UTF8.GetBytes(input), arguments);

    /// <summary>Runs it with bytes on its standard input.</summary>
    public async Task<CommandLineResult> RunAsync(byte[] input, params string[] arguments)
    {
        using var process = Process.Start(StartOf(arguments))!;
        using var deadline = new CancellationTokenSource(Wait.Patience);
        try
        {
            using var output = new MemoryStream();
            var reading = process.StandardOutput.BaseStream.CopyToAsync(output, deadline.Token);
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.StandardInput.BaseStream.WriteAsync(input, deadline.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(deadline.Token);
            await reading;
            return new CommandLineResult(process.ExitCode, output.ToArray(), await errors);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>What starts it.</summary>
    public ProcessStartInfo StartOf(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(Repository.CommandLineAssembly);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("ORLEANSSTREAM_", StringComparison.Ordinal)).ToArray())
            start.Environment.Remove(name);
        start.Environment["XDG_CONFIG_HOME"] = _folder.PathOf("config");
        start.Environment["XDG_STATE_HOME"] = _folder.PathOf("state");
        if (server is not null)
            start.Environment["ORLEANSSTREAM_SERVER"] = server.AbsoluteUri;
        foreach (var (name, value) in Environment)
        {
            if (value is null)
                start.Environment.Remove(name);
            else
                start.Environment[name] = value;
        }

        return start;
    }

    public void Dispose() => _folder.Dispose();
}
