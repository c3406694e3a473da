using Microsoft.Extensions.Time.Testing;
using Microsoft.JSInterop;
using OrleansStream.WebConsole.Parts;

namespace OrleansStream.WebConsole.Tests;

/// <summary>What plots remember.</summary>
public sealed class HistoryTests
{
    private const string Page = "overview";

    private readonly Tab _tab = new();
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Line_AfterThePageIsLoadedAgain_GoesOn()
    {
        var before = new History(_time, _tab);
        Add(before, "lag scores", 0.1 + 0.2);
        _time.Advance(TimeSpan.FromSeconds(2.5));
        var points = Add(before, "lag scores", 7);
        _time.Advance(TimeSpan.FromSeconds(2));

        var after = Add(new History(_time, _tab), "lag scores", 9);

        Assert.Equal(points, after.Take(2));
        Assert.Equal([2.5, 2.0], [after[1].Seconds - after[0].Seconds, after[2].Seconds - after[1].Seconds]);
        Assert.Equal(9, after[2].Value);
    }

    [Fact]
    public void Lines_OfManyPages_AreBounded()
    {
        var history = new History(_time, _tab);
        for (var point = 0; point < HistoryLimits.PointsMax + 5; point++)
            Assert.InRange(Add(history, "first", point).Count, 1, HistoryLimits.PointsMax);
        Assert.Equal(6, Add(history, "first", 0)[0].Value);

        for (var line = 0; line < HistoryLimits.LinesMax; line++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            Add(history, "lag", line, $"group {line}");
        }

        Assert.Equal(HistoryLimits.LinesMax, _tab.Storage.Count);
        Assert.Single(Add(history, "first", 1));
    }

    [Fact]
    public void Lines_ThatWereKeptBeforeThePageWasLoadedAgain_CountToo()
    {
        for (var load = 0; load < 3; load++)
        {
            var history = new History(_time, _tab);
            for (var line = 0; line < HistoryLimits.LinesMax / 2; line++)
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                Add(history, "lag", line, $"group {load} {line}");
            }
        }

        Assert.Equal(HistoryLimits.LinesMax, _tab.Storage.Count);
    }

    // Such as the partitions of a group that lag most.
    [Fact]
    public void Lines_ThatChange_PushOutThoseOfTheirPageOnly()
    {
        var history = new History(_time, _tab);
        Add(history, "in", 1);
        for (var partition = 0; partition < 2 * HistoryLimits.LinesMax; partition++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            history.Add("group crawlers", [($"lag pages/{partition}", 1), ("lag", 2)]);
        }

        Assert.Equal(HistoryLimits.LinesOfPageMax + 1, _tab.Storage.Count);
        Assert.Single(history.Find(Page, "in"));
        Assert.Equal(HistoryLimits.PointsMax, history.Find("group crawlers", "lag").Count);
    }

    [Fact]
    public void Lines_OfOneAnswer_HaveTheirPointsAtOneTime()
    {
        _time.AutoAdvanceAmount = TimeSpan.FromMilliseconds(3);
        var history = new History(_time, _tab);

        history.Add(Page, [("in", 1), ("out", 2)]);

        Assert.Equal(history.Find(Page, "in")[0].Seconds, history.Find(Page, "out")[0].Seconds);
    }

    private static IReadOnlyList<PlotPoint> Add(History history, string line, double value, string page = Page)
    {
        history.Add(page, [(line, value)]);
        return history.Find(page, line);
    }

    /// <summary>A browser's tab with its storage.</summary>
    private sealed class Tab : IJSInProcessRuntime
    {
        public Dictionary<string, string> Storage { get; } = [];

        public TResult Invoke<TResult>(string identifier, params object?[]? args)
        {
            var name = (string)args![0]!;
            if (identifier == "streamConsole.keptNames")
                return (TResult)(object)Storage.Keys.Where(one => one.StartsWith(name, StringComparison.Ordinal)).ToArray();
            if (identifier == "streamConsole.kept")
                return (TResult)(object?)Storage.GetValueOrDefault(name)!;
            if (args[1] is string text)
                Storage[name] = text;
            else
                Storage.Remove(name);
            return default!;
        }

        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, object?[]? args) => ValueTask.FromResult(Invoke<TValue>(identifier, args));

        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, CancellationToken cancellationToken, object?[]? args) =>
            InvokeAsync<TValue>(identifier, args);
    }
}
