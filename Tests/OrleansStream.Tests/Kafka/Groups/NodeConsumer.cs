using System.Diagnostics;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Kafka.Groups;

/// <summary>A consumer in a Node.js process, and what it told on its standard output.</summary>
internal sealed class NodeConsumer : IAsyncDisposable
{
    private readonly Process _process;
    private readonly List<JsonNode> _lines = [];
    private readonly Task _reading;

    public NodeConsumer(string script, params string[] arguments)
    {
        var start = new ProcessStartInfo("node", [Path.Combine(AppContext.BaseDirectory, "Foreign", script), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!;
        _reading = ReadAsync();
    }

    /// <summary>The partitions that it was told last.</summary>
    public int[] Assigned => All.LastOrDefault(line => line["assigned"] is not null) is { } told ? [.. told["assigned"]!.AsArray().Select(one => (int)one!).Order()] : [];

    /// <summary>The values that it read.</summary>
    public string[] Values => [.. All.Where(line => line["value"] is not null).Select(line => (string)line["value"]!)];

    /// <summary>All that it told.</summary>
    public JsonNode[] All
    {
        get
        {
            lock (_lines)
                return [.. _lines];
        }
    }

    /// <summary>Waits until something holds of what it told.</summary>
    public Task UntilAsync(string what, Func<NodeConsumer, bool> holds) => Wait.UntilAsync(what, () =>
    {
        Assert.True(All.All(line => line["crash"] is null), string.Join('\n', All.Select(line => line.ToJsonString())));
        return Task.FromResult(holds(this));
    });

    /// <summary>Has it leave and end.</summary>
    public async Task StopAsync()
    {
        _process.StandardInput.Close();
        using var deadline = new CancellationTokenSource(Wait.Patience);
        await _process.WaitForExitAsync(deadline.Token);
        await _reading;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _reading;
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        var errors = _process.StandardError.ReadToEndAsync();
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            lock (_lines)
                _lines.Add(JsonNode.Parse(line)!);
        }

        if (await errors is { Length: > 0 } said)
        {
            lock (_lines)
                _lines.Add(new JsonObject { ["stderr"] = said });
        }
    }
}
