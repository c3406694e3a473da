using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Gateway.Security;
using OrleansStream.Hosting;

namespace OrleansStream.Tests.Infra;

/// <summary>What an operator is woken for, held against what the processes really log.</summary>
[Collection(TemplateCollection.Name)]
public sealed partial class TemplateAlertTests(TemplateFixture templates)
{
    private const string LogRule = "Microsoft.Insights/scheduledQueryRules";
    private const string MetricRule = "Microsoft.Insights/metricAlerts";

    public static TheoryData<string> Environments => ["prod", "dev"];

    [Theory]
    [MemberData(nameof(Environments))]
    public void Rules_OfAnyEnvironment_AreOnAndLookAtTheLogsOrTheAccount(string environment)
    {
        var deployment = environment == "prod" ? templates.Production : templates.Development;
        string[] names =
            [.. deployment.OfType(LogRule).Concat(deployment.OfType(MetricRule)).Select(rule => (string)rule["name"]!).Order(StringComparer.Ordinal)];
        Assert.Equal(["orleansstream-no-ready-silo", "orleansstream-sign-in-failures", "orleansstream-storage-refusals"], names);
        Assert.All(deployment.OfType(LogRule), rule =>
        {
            Assert.True((bool)rule["properties"]!["enabled"]!);
            Assert.Contains("outputs.workspaceId", (string)rule["properties"]!["scopes"]![0]!, StringComparison.Ordinal);
        });
        Assert.Contains("Microsoft.Storage/storageAccounts/", (string)deployment.PropertiesOf(MetricRule)["scopes"]![0]!, StringComparison.Ordinal);
    }

    [Fact]
    public void Rules_TellWhoeverIsNamed_AndNobodyElse()
    {
        Assert.Empty(templates.Production.OfType("Microsoft.Insights/actionGroups"));
        Assert.All(templates.Production.OfType(LogRule), rule => Assert.Empty(rule["properties"]!["actions"]!["actionGroups"]!.AsArray()));

        var group = Assert.Single(templates.Upgrading.OfType("Microsoft.Insights/actionGroups"));
        Assert.Equal("operators@example.org", (string)Assert.Single(group["properties"]!["emailReceivers"]!.AsArray())!["emailAddress"]!);
        var id = (string)group["id"]!;
        Assert.All(templates.Upgrading.OfType(LogRule), rule =>
            Assert.Equal(id, (string)Assert.Single(rule["properties"]!["actions"]!["actionGroups"]!.AsArray())!));
        Assert.Equal(id, (string)Assert.Single(templates.Upgrading.PropertiesOf(MetricRule)["actions"]!.AsArray())!["actionGroupId"]!);
    }

    [Fact]
    public async Task NoReadySilo_IsWhatAnApiNodeLogsThatHasNone()
    {
        var lines = new Lines();
        var services = new ServiceCollection().AddLogging(logging => logging.AddProvider(lines));
        services.AddHealthChecks().AddCheck(ReadinessCheck.Name, new ReadinessCheck(new OfAClient()));
        await using var provider = services.BuildServiceProvider();
        await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync(TestContext.Current.CancellationToken);

        var query = QueryOf("no-ready-silo");
        Assert.Contains($"'{templates.Production.Api.Name}'", query, StringComparison.Ordinal);
        Assert.Single(lines.Texts, line => PhrasesOf(query).All(phrase => line.Contains(phrase, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task SignInFailures_AreWhatIsLoggedOfAnAddressWithMany_OnceInAMinute()
    {
        var lines = new Lines();
        var time = new FakeTimeProvider();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(lines));
        using var failures = new FailedSignIns(time, factory.CreateLogger<FailedSignIns>());
        for (var minute = 0; minute < 2; minute++)
        {
            // The last ones wait for a clock that stands still.
            for (var i = 0; i < 3 * SignInLimits.FailuresAnsweredAtOnceMax; i++)
                _ = failures.NoteAsync(IPAddress.Parse("192.0.2.7"), CancellationToken.None).AsTask();
            _ = failures.NoteAsync(IPAddress.Parse("192.0.2.8"), CancellationToken.None).AsTask();
            time.Advance(SignInLimits.FailureWindow);
        }

        var phrases = PhrasesOf(QueryOf("sign-in-failures")).ToArray();
        Assert.Equal(2, phrases.Length);
        Assert.Equal(2, lines.Texts.Count(line =>
            phrases.All(phrase => line.Contains(phrase, StringComparison.Ordinal)) && line.Contains("192.0.2.7", StringComparison.Ordinal)));
        Assert.Equal(2, lines.Texts.Count);
    }

    [Fact]
    public void StorageRefusals_AreThoseThatAreNoPartOfTheLogsProtocol()
    {
        var criterion = Assert.Single(templates.Production.PropertiesOf(MetricRule)["criteria"]!["allOf"]!.AsArray())!;
        Assert.Equal("Transactions", (string)criterion["metricName"]!);
        var types = Assert.Single(criterion["dimensions"]!.AsArray())!["values"]!.AsArray().Select(type => (string)type!);
        Assert.Contains("AuthorizationError", types);
        // A condition that fails is a ClientOtherError, and silos meet many.
        Assert.DoesNotContain("ClientOtherError", types);
    }

    [Fact]
    public void Diagnostics_OfEnvironmentsAndAccount_GoToTheWorkspace()
    {
        var settings = templates.Production.OfType("Microsoft.Insights/diagnosticSettings");
        Assert.Equal(
            ["ContainerAppConsoleLogs", "ContainerAppConsoleLogs", "ContainerAppSystemLogs", "ContainerAppSystemLogs", "StorageDelete"],
            settings.SelectMany(setting => setting["properties"]!["logs"]!.AsArray()).Select(log =>
                (string)log!["category"]!).Order(StringComparer.Ordinal));
        Assert.All(settings, setting =>
            Assert.Contains("outputs.workspaceId", (string)setting["properties"]!["workspaceId"]!, StringComparison.Ordinal));
    }

    private string QueryOf(string rule) => (string)Assert.Single(
        Assert.Single(templates.Production.OfType(LogRule), one =>
            ((string)one["name"]!).EndsWith(rule, StringComparison.Ordinal))["properties"]!["criteria"]!["allOf"]!.AsArray())!["query"]!;

    private static IEnumerable<string> PhrasesOf(string query) => Phrase().Matches(query).Select(match => match.Groups[1].Value);

    [GeneratedRegex("Log contains '([^']+)'")]
    private static partial Regex Phrase();

    private sealed class OfAClient : IReadiness
    {
        public ValueTask<string?> FindObstacleAsync(CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(new ClientPart().FindObstacle());
    }

    private sealed class Lines : ILoggerProvider, ILogger
    {
        public List<string> Texts { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                Texts.Add(formatter(state, exception));
        }

        public void Dispose()
        {
        }
    }
}
