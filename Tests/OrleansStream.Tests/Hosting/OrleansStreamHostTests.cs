using Microsoft.Extensions.Hosting;
using OrleansStream.Hosting;

namespace OrleansStream.Tests.Hosting;

/// <summary>What a process says, and with which code it ends, when its host fails.</summary>
public sealed class OrleansStreamHostTests
{
    [Fact]
    public async Task Run_WhenDisposingFailsBehindAnotherFailure_TellsBothInOrder()
    {
        using var error = new StringWriter();

        var code = await OrleansStreamHost.RunOrleansStreamAsync(() => new FailingHost(), error);

        Assert.Equal(1, code);
        var text = error.ToString();
        Assert.InRange(text.IndexOf("disposing failed", StringComparison.Ordinal), text.IndexOf("the run failed", StringComparison.Ordinal) + 1, text.Length);
        Assert.Contains("the run failed", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_WhenTheHostCannotBePutTogether_TellsItInOneLine()
    {
        using var error = new StringWriter();

        var code = await OrleansStreamHost.RunOrleansStreamAsync(() => throw new InvalidOperationException("no such setting"), error);

        Assert.Equal(1, code);
        Assert.Equal("OrleansStream cannot start: no such setting", error.ToString().TrimEnd());
    }

    private sealed class FailingHost : IHost
    {
        public IServiceProvider Services => throw new InvalidOperationException("the run failed");

        public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public void Dispose() => throw new InvalidOperationException("disposing failed");
    }
}
