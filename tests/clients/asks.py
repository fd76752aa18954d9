"""Requests of real clients, run by their own Python: asks.py NAME URL prints the answers as JSON."""

import asyncio
import json
import sys

QUERY = "What is 3 + 4?"
TEXTS = ["3 + 4 = 9. The answer is 9.", "3 + 4 = 7. The answer is 7.", "no idea"]
ASK = [{"role": "user", "content": "Is it right?"}]


def cohere(url):
    """Cohere's second version; and a model that is not there."""
    import cohere as library

    client = library.ClientV2("none", base_url=url)
    found = client.rerank(model="assay/math", query=QUERY, documents=TEXTS, top_n=2)
    try:
        client.rerank(model="gpt", query=QUERY, documents=TEXTS)
    except library.core.api_error.ApiError as exc:
        refused = {"status": exc.status_code, "message": exc.body["message"]}
    return {
        "results": [[each.index, each.relevance_score] for each in found.results],
        "units": found.meta.billed_units.search_units,
        "refused": refused,
    }


def litellm(url):
    """LiteLLM's reranking through its vLLM and Cohere providers, and its chat."""
    import litellm as library

    library.telemetry = False
    said = {}
    for provider, base in (("hosted_vllm", url), ("cohere", url + "/v2/rerank")):
        found = library.rerank(
            model=f"{provider}/assay",
            query=QUERY,
            documents=TEXTS,
            top_n=2,
            api_base=base,
            api_key="none",
        )
        said[provider] = [[each["index"], each["relevance_score"]] for each in found.results]
    chat = library.completion(
        model="openai/llm", messages=ASK, api_base=url + "/v1", api_key="none", max_tokens=60
    )
    return {**said, "chat": chat.choices[0].message.content, "tokens": chat.usage.total_tokens}


def openai(url):
    """OpenAI's client on the gateway: plain, several, our options, a stream, models, embeddings,
    errors; also asynchronous.
    """
    import openai as library

    client = library.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0)
    plain = client.chat.completions.create(model="llm", messages=ASK, max_tokens=60)
    options = {"assay": {"candidates": 6, "select": "weighted_majority"}}
    three = client.chat.completions.create(
        model="assay/math", messages=ASK, max_tokens=60, n=3, extra_body=options
    )
    stream = client.chat.completions.create(
        model="llm",
        messages=ASK,
        max_tokens=60,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    try:
        client.chat.completions.create(model="gpt-4", messages=ASK)
    except library.NotFoundError as exc:
        refused = exc.code

    async def later():
        async with library.AsyncOpenAI(base_url=url + "/v1", api_key="none") as other:
            return await other.chat.completions.create(model="llm", messages=ASK, max_tokens=60)

    return {
        "plain": plain.choices[0].message.content,
        "three": [choice.index for choice in three.choices],
        "drawn": three.model_extra["assay"]["drawn"],
        "streamed": "".join(
            chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices
        ),
        "usage": chunks[-1].usage.total_tokens,
        "models": [model.id for model in client.models.list()],
        "embedding": client.embeddings.create(
            model="assay", input="<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello"
        )
        .data[0]
        .embedding,
        "refused": refused,
        "later": asyncio.run(later()).choices[0].message.content,
    }


def langchain(url):
    """LangChain documents through our compressor, blocking and asynchronous."""
    from assay_client import AsyncClient, Client
    from assay_client.langchain import AssayRerank
    from langchain_core.documents import Document

    documents = [
        Document(page_content=text, metadata={"place": place}) for place, text in enumerate(TEXTS)
    ]
    reranker = AssayRerank(task="math", top_n=2, client=Client(url), async_client=AsyncClient(url))
    found = reranker.compress_documents(documents, QUERY)
    later = asyncio.run(reranker.acompress_documents(documents, QUERY))
    return {
        "places": [each.metadata["place"] for each in found],
        "scores": [each.metadata["relevance_score"] for each in found],
        "later": [each.metadata["place"] for each in later],
    }


if __name__ == "__main__":
    print(
        json.dumps(
            {"cohere": cohere, "litellm": litellm, "openai": openai, "langchain": langchain}[
                sys.argv[1]
            ](sys.argv[2])
        )
    )
