using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Errors;
using OrleansStream.Silo;
using HttpFault = OrleansStream.HttpErrors.HttpFault;

namespace OrleansStream.Tests.Api;

/// <summary>A silo without REST tells of its health what a node of the Api does, so that one reader serves both.</summary>
public sealed class SiloHealthTests
{
    [Fact]
    public async Task Ready_OfASiloThatIsNot_IsTheNodesProblem()
    {
        var report = ReportOf(
            ("storage", HealthCheckResult.Unhealthy("The storage did not answer.")), ("cluster", HealthCheckResult.Healthy("It has joined.")));

        var silo = await AnswerAsync(context => SiloHealth.WriteReadyAsync(context, report));
        var node = await AnswerAsync(context => Problems.WriteAsync(
            context, new RequestException(HttpFault.NotReady, "The storage did not answer.").Error, HttpFault.NotReady));

        Assert.Contains("The storage did not answer.", silo.Body, StringComparison.Ordinal);
        Assert.Equal(node, silo);
    }

    [Fact]
    public async Task Ready_OfASiloThatIs_SaysSo() => Assert.Equal(
        ("application/json", "", """{"status":"ready"}"""),
        await AnswerAsync(context => SiloHealth.WriteReadyAsync(context, ReportOf(("cluster", HealthCheckResult.Healthy())))));

    private static HealthReport ReportOf(params (string Name, HealthCheckResult Result)[] checks) => new(
        checks.ToDictionary(
            check => check.Name,
            check => new HealthReportEntry(check.Result.Status, check.Result.Description, TimeSpan.Zero, exception: null, data: null)),
        TimeSpan.Zero);

    private static async Task<(string? Type, string RetryAfter, string Body)> AnswerAsync(Func<HttpContext, Task> write)
    {
        using var body = new MemoryStream();
        var context = new DefaultHttpContext { TraceIdentifier = "trace" };
        context.Response.Body = body;
        await write(context);
        Assert.Equal(body.Length, context.Response.ContentLength);
        return (context.Response.ContentType, context.Response.Headers.RetryAfter.ToString(), Encoding.UTF8.GetString(body.ToArray()));
    }
}
