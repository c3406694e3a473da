using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Errors;
using OrleansStream.Gateway;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Appending;
using OrleansStream.Gateway.Cluster;
using OrleansStream.Gateway.Groups;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka;
using OrleansStream.Rest;
using OrleansStream.Security;
using OrleansStream.Tests.Groups;

namespace OrleansStream.Tests.Architecture;

/// <summary>
/// Nothing can be done through the gateway without a right: by what its classes take, and by what they do for a caller that has none.
/// </summary>
public sealed class GatewayRightsTests
{
    // What operations are made of. They know no caller, and no door may name them.
    private static readonly Type[] Parts =
    [
        typeof(TopicRoutes), typeof(ClientProducerIds), typeof(ProducerLanes), typeof(LostReads), typeof(LogEnds),
    ];

    // What doors use besides operations: it reaches nothing that is stored, or decides itself who may.
    private static readonly Type[] Means =
    [
        typeof(ClientQuotas), typeof(NodeLoad), typeof(NodeAnswers), typeof(NodeWaits),
        typeof(AccessControl), typeof(AccessRules), typeof(KeySignIn), typeof(BearerSignIn), typeof(FailedSignIns),
        typeof(SiloCalls),
    ];

    // Nothing of the first is anybody's, and the second finds out who calls.
    private static readonly string[] Unowned =
        [$"{nameof(RecordsAppender)}.{nameof(RecordsAppender.NextKeylessStart)}", $"{nameof(Tickets)}.{nameof(Tickets.SignInAsync)}"];

    public static TheoryData<string> Operations => [.. OperationsOf().Select(one => NameOf(one))];

    [Fact]
    public void Operations_AllTakeTheirCaller()
    {
        var operations = OperationsOf().ToArray();

        Assert.True(operations.Length > 25, "The operations were not found.");
        Assert.Empty(operations.Where(one => one.GetParameters().FirstOrDefault()?.ParameterType != typeof(Caller)).Select(NameOf));
    }

    [Fact]
    public void Doors_ReachNothingButByOperations()
    {
        var doors = new[] { typeof(RestHosting).Assembly, typeof(KafkaHosting).Assembly };
        var named = doors.SelectMany(door => door.GetTypes()).SelectMany(type => TypeReferences.Of(type).Select(one => (Door: type, Named: one)))
            .Where(one => Parts.Contains(one.Named) || one.Named == typeof(IGrainFactory) || typeof(IAddressable).IsAssignableFrom(one.Named))
            .Select(one => $"{one.Door.Name} names {one.Named.Name}").Distinct();

        Assert.Empty(named);
    }

    [Theory, MemberData(nameof(Operations))]
    public async Task Operation_WhenItsCallerHasNoRight_IsRefusedBeforeAnythingIsAsked(string name)
    {
        var asked = new List<string>();
        await using var services = ServicesOf(Answering.By<IGrainFactory>((method, _) =>
        {
            var grain = method.GetGenericArguments().Single();
            if (grain == typeof(IAccessGrain))
                return Answering.By<IAccessGrain>((_, _) => new ValueTask<AccessRulesResponse>(new AccessRulesResponse("1", StoredAccess.None)));
            asked.Add(grain.Name);
            throw new InvalidOperationException($"{grain.Name} is asked.");
        }));
        await services.GetRequiredService<AccessRules>().EnsureAsync(TestContext.Current.CancellationToken);
        var operation = OperationsOf().Single(one => NameOf(one) == name);

        var error = await ErrorOfAsync(() => operation.Invoke(
            services.GetRequiredService(operation.DeclaringType!), [.. operation.GetParameters().Select(ArgumentFor)]));

        Assert.Equal((StreamErrorCode.SaslAuthenticationFailed, 0), (error?.Code, asked.Count));
    }

    private static async Task<StreamError?> ErrorOfAsync(Func<object?> call)
    {
        try
        {
            var answer = call();
            return answer switch
            {
                ValueTask<RecordsAppendOutcome> outcome => (await outcome).Response.Error,
                Task task => await NoneAsync(task),
                // A value task of any type: as the task that it stands for.
                not null when answer.GetType().GetMethod(nameof(ValueTask.AsTask)) is { } asTask => await NoneAsync(
                    (Task)asTask.Invoke(answer, null)!),
                _ => null,
            };
        }
        catch (TargetInvocationException e) when (e.InnerException is StreamException refused)
        {
            return refused.Error;
        }
        catch (StreamException refused)
        {
            return refused.Error;
        }
    }

    private static async Task<StreamError?> NoneAsync(Task task)
    {
        await task;
        return null;
    }

    private static object? ArgumentFor(ParameterInfo parameter)
    {
        var type = parameter.ParameterType;
        if (type == typeof(Caller))
            return Caller.Anonymous;
        if (type == typeof(string))
            return "t";
        if (type.IsInterface)
            return Array.CreateInstance(type.GetGenericArguments().Single(), 0);
        return type == typeof(PollOptions) ? new PollOptions { Topics = ["t"] } : RuntimeHelpers.GetUninitializedObject(Nullable.GetUnderlyingType(type) ?? type);
    }

    private static IEnumerable<MethodInfo> OperationsOf() => new ServiceCollection().AddGateway()
        .Select(service => service.ServiceType)
        .Where(type => type.Assembly == typeof(GatewayHosting).Assembly && !Parts.Contains(type) && !Means.Contains(type))
        .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
        .Where(method => !method.IsSpecialName && !Unowned.Contains($"{method.DeclaringType!.Name}.{method.Name}"))
        // What is asked of memory alone tells nothing that was not asked for by an operation before.
        .Where(method => method.ReturnType != typeof(bool) && method.Name != nameof(IDisposable.Dispose));

    private static string NameOf(MethodInfo method) =>
        $"{method.DeclaringType!.Name}.{method.Name}({string.Join(", ", method.GetParameters().Select(parameter => parameter.ParameterType.Name))})";

    private static ServiceProvider ServicesOf(IGrainFactory grains) => new ServiceCollection()
        .AddSingleton(grains)
        .AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection([new($"{SecurityOptions.SectionName}:{nameof(SecurityOptions.ApiKeys)}", "true")]).Build())
        .AddLogging()
        .AddGateway()
        .BuildServiceProvider();
}
