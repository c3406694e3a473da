using System.Text.RegularExpressions;
using OrleansStream.Errors;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Errors;

/// <summary>Which failed calls count as lost, and that nobody decides this otherwise.</summary>
public sealed partial class LostCallsTests
{
    [Fact]
    public void IsLost_OfWhatHadNoAnswer_IsTrue()
    {
        Assert.True(LostCalls.IsLost(new SiloUnavailableException("gone")));
        Assert.True(LostCalls.IsLost(new TimeoutException()));
        Assert.True(LostCalls.IsLost(new TaskCanceledException("The activation did not begin in time.")));
        Assert.True(LostCalls.IsLost(new OperationCanceledException(), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void IsLost_OfWhatTheCallerCancelledOrTheCalleeAnswered_IsFalse()
    {
        Assert.False(LostCalls.IsLost(new TaskCanceledException(), new CancellationToken(canceled: true)));
        Assert.False(LostCalls.IsLost(new StreamException(new StreamError(StreamErrorCode.UnknownServerError, ""))));
        Assert.False(LostCalls.IsLost(new InvalidOperationException()));
    }

    [Fact]
    public void Sources_ThatTellLostCalls_AskThePredicate() => Assert.Equal(
        ["Grains.Interfaces/Errors/LostCalls.cs"],
        new[] { "Api", "Grains", "Grains.Interfaces", "Silo" }
            .SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories))
            .Where(path => !BuildOutput().IsMatch(path) && OwnPredicate().IsMatch(File.ReadAllText(path)))
            .Select(path => Path.GetRelativePath(Repository.PathOf(), path).Replace('\\', '/')));

    [GeneratedRegex(@"OrleansException or TimeoutException|TimeoutException or OrleansException")]
    private static partial Regex OwnPredicate();

    [GeneratedRegex(@"[/\\](bin|obj)[/\\]")]
    private static partial Regex BuildOutput();
}
